"""Examples of commands that cannot be carried out."""

from __future__ import annotations

from archlang.errors.examples.example import CHECK, FILE, Example
from archlang.errors.files import (
    BadOption,
    CannotRead,
    CannotWrite,
    FileTooLarge,
    MissingPackage,
    NotAModelFile,
    NotText,
    UnknownCode,
    UnknownColumn,
    UnknownFormat,
    UnknownInput,
    UnknownModel,
    UnknownParameter,
    UnknownPath,
)

TEXT = "INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU -> FC(10)"
DEEP = "model Net(depth = 2) = INPUT(3, 32, 32) -> [CONV -> RELU]*depth -> FC(10)"
COLUMNS = (
    "type", "input", "output", "kernel", "arguments", "parameters", "share", "buffers", "macs", "flops", "activations",
    "receptive-field", "stride", "connected", "copies", "line",
)  # fmt: skip
"""Those of the table: `report/columns.py`, which stands above this."""

EXAMPLES = {
    "cannot-read": Example(
        TEXT,
        "Correct the path, or create the file.",
        command="archc check exmaple.arch",
        fixed_command=CHECK,
        problem=CannotRead("no such file or directory", FILE),
        place="exmaple.arch",
    ),
    "not-text": Example(
        "# François' net\nINPUT(3, 32, 32) -> FC(10)",
        "Save the file as UTF-8.",
        problem=NotText(6, 0xE7),
    ),
    "file-too-large": Example(
        "INPUT(3, 32, 32) -> CONV(3, 3x3, padding=1) -> RELU -> CONV(3, 3x3, padding=1) -> RELU -> ... -> FC(10)",
        "Write repeated parts once.",
        "INPUT(3, 32, 32) -> [CONV(3, 3x3, padding=1) -> RELU]*100_000 -> FC(10)",
        problem=FileTooLarge(3_200_000, 1_000_000),
    ),
    "cannot-write": Example(
        TEXT,
        "Create the folder, or choose another path.",
        command=f"archc compile {FILE} -o missing/net.py",
        fixed_command=f"archc compile {FILE} -o net.py",
        problem=CannotWrite("missing/net.py", "no such file or directory"),
        place="missing/net.py",
    ),
    "unknown-format": Example(
        TEXT,
        "End the path in one of the formats that the message lists.",
        command=f"archc render {FILE} -o net.gif",
        fixed_command=f"archc render {FILE} -o net.dot",
        problem=UnknownFormat("net.gif", (".svg", ".dot", ".png", ".pdf", ".mmd", ".tex", ".html")),
        place="net.gif",
    ),
    "missing-package": Example(
        TEXT,
        "Install the extra that the message names.",
        command=f"archc render {FILE} -o net.png",
        fixed_command=f"pip install 'archlang[png]' && archc render {FILE} -o net.png",
        problem=MissingPackage("a PNG", "resvg-py", "png"),
    ),
    "not-a-model-file": Example(
        TEXT,
        "Write the model anew with this version of archlang.",
        command="archc check settings.json",
        fixed_command=f"archc compile {FILE} -o net.json && archc check net.json",
        files={"settings.json": '{"name": "Net"}\n'},
        problem=NotAModelFile("Field required at inputs"),
        place="settings.json",
    ),
    "bad-option": Example(
        DEEP,
        "Write the option as the message says.",
        command=f"{CHECK} -D depth",
        fixed_command=f"{CHECK} -D depth=3",
        problem=BadOption("-D", "depth", "NAME=VALUE, for example N=2"),
        place="-D",
    ),
    "unknown-model": Example(
        "model Small = INPUT(3, 32, 32) -> FC(10)\nmodel Large = INPUT(3, 32, 32) -> CONV -> FC(10)",
        "Name one of the models that the message lists.",
        command=f"{CHECK} -m Smal",
        fixed_command=f"{CHECK} -m Small",
        problem=UnknownModel("Smal", "Small", ("Small", "Large")),
    ),
    "unknown-parameter": Example(
        DEEP,
        "Name one of the parameters that the message lists.",
        command=f"{CHECK} -D dept=3",
        fixed_command=f"{CHECK} -D depth=3",
        problem=UnknownParameter("dept", "depth", "Net", ("depth",)),
    ),
    "unknown-input": Example(
        "model Net = INPUT(3, 32, 32) -> CONV(16, 3x3) -> FC(10)",
        "Take one of the names that the message lists, or none where there is one input only.",
        command=f"{CHECK} --input image=3,64,64",
        fixed_command=f"{CHECK} --input 3,64,64",
        problem=UnknownInput("image", None, ("input",)),
    ),
    "unknown-column": Example(
        TEXT,
        "Name one of the columns that the message lists.",
        command=f"{CHECK} --columns output,kernal",
        fixed_command=f"{CHECK} --columns output,kernel",
        problem=UnknownColumn("kernal", "kernel", COLUMNS),
        place="--columns",
    ),
    "no-such-part": Example(
        TEXT,
        "Take a name from the table of `archc check`; `-m` chooses another model.",
        command=f"archc explain {FILE} conv2",
        fixed_command=f"archc explain {FILE} conv1",
        problem=UnknownPath("conv2", "conv1", "Example", ("conv1", "relu1", "fc1")),
    ),
    "unknown-code": Example(
        TEXT,
        "Take the code from the brackets in the first line of the message; `archc explain` lists all.",
        command="archc explain strid-drops-input",
        fixed_command="archc explain stride-drops-input",
        problem=UnknownCode("strid-drops-input", "stride-drops-input"),
        place="archc explain",
    ),
}

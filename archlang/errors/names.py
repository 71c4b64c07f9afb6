"""Problems with names: unknown, given twice, reserved, or not bound."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing, shorten
from archlang.records import record

AS_A_CHAIN = "an architecture is a chain of stages, without Python around it: INPUT(3, 32, 32) -> CONV(16, 3x3) -> RELU"
"""What to write instead of a module of torch or Keras."""

CONTAINERS = ("Sequential", "ModuleList", "Module", "Model")
"""Classes that hold layers in Python."""


@record
class _Unknown(Problem):
    """Base of all unknown names; `suggestion` is what it most likely means."""

    name: str
    suggestion: str | None = None

    @property
    def label(self) -> str:
        """A question, as likeness is a guess."""
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""


@record
class UnknownLayer(_Unknown):
    """A stage names no layer, block or model.

    Words for layers are listed in docs/layers.md, in the lectures' spelling (`CONV`) and in torch's (`Conv2d`); blocks
    and models are those of the file and its imports. Large and small letters differ.
    """

    code = "unknown-layer"
    broken: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """By the word as it is written, with the `nn.` in front of it."""
        return f"`{self.name}` is no layer, block or model"

    @property
    def notes(self) -> tuple[str, ...]:
        """Packages that might have offered the layer, and why they could not be loaded."""
        return tuple(shorten(text, 140) for text in self.broken)

    @property
    def advice(self) -> tuple[str, ...]:
        """For Sequential and its like, whose arguments would be the stages of a chain."""
        # `nn.Sequential` and `tf.keras.Model` alike
        word = self.name.split(".")[-1]
        return (AS_A_CHAIN,) if word in CONTAINERS else ()


@record
class UnknownName(_Unknown):
    """An expression uses a name that nothing defines here.

    Names in expressions are values (`let`), parameters of the block or model, and the variables of loops. A block does
    not see the names of its callers.

    Without a value for it nothing can be worked out.
    """

    code = "unknown-name"
    defined_below: bool = False
    instead: str = ""

    @property
    def message(self) -> str:
        """`here`: another block may well have the name."""
        return f"`{self.name}` is not defined here"

    @property
    def advice(self) -> tuple[str, ...]:
        """Move the `let` up, or define it; nothing where a likely name is suggested already."""
        # a new definition would only hide the slip
        if self.suggestion:
            return ()
        if self.instead:
            return (self.instead,)
        if self.defined_below:
            return ("values are evaluated from top to bottom: move its `let` up",)
        return (f"define it (`let {self.name} = ...`) or make it a parameter of the model",)


@record
class UnknownFunction(_Unknown):
    """An expression calls something that is no function and no model.

    Expressions have the functions `abs int len max min range sum zip`, and models can be called in assertions. There is
    no way to call Python.
    """

    code = "unknown-function"

    @property
    def message(self) -> str:
        """Models can be called as well, in assertions."""
        return f"`{shorten(self.name)}` is no function or model"


@record
class UnknownDefault(_Unknown):
    """A `default` for a layer, or for an argument, that there is not.

    `default CONV(...)` restates a layer, `default init = ...` an argument of all layers that have it. One that concerns
    nothing is most likely misspelt, and would change nothing without a word.
    """

    code = "unknown-default"
    is_argument: bool = False

    @property
    def message(self) -> str:
        """`default CONW(...)` concerns a layer, `default stirde = 2` an argument of any layer."""
        what = "no layer has an argument" if self.is_argument else "there is no layer"
        return f"`default {self.name}` means nothing: {what} `{self.name}`"


@record
class UnknownArgument(_Unknown):
    """A layer, block or model has no argument of that name.

    Layers have torch's argument names, without those that follow from the input (`in_channels`, `in_features`,
    `num_features`); blocks and models have their own parameters.

    An argument that is not known would be ignored, and the layer would silently be another one.
    """

    code = "unknown-argument"
    owner: str = ""
    known: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The owner is the word of the layer, block or model as it is called here."""
        return f"{self.owner} has no argument `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        """All arguments of the owner, which are torch's names for layers."""
        return (f"{self.owner} takes {listing(self.known)}" if self.known else f"{self.owner} takes no arguments",)


@record
class UnknownAttribute(_Unknown):
    """A model or label is asked for something it does not have.

    A model has `parameters`, `buffers`, `macs`, `flops`, `layers`, `input` and `output`, and its labelled parts; these
    have the same but `input`.

    An assertion about something that is not there holds nothing.
    """

    code = "unknown-attribute"
    owner: str = ""
    known: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The owner by its path: `Net.features has no macss`."""
        return f"{self.owner} has no `{self.name}`"

    @property
    def notes(self) -> tuple[str, ...]:
        """What it has: counts, shapes, then its labelled parts."""
        return (f"it has {listing(self.known)}",) if self.known else ()


@record
class UnboundParameters(Problem):
    """A model is used while some of its parameters have no value.

    A parameter without a default, or a letter such as N that stands for one, has to be given a value before the model
    has a size.

    How many layers there are, and how large, depends on it. `-D` gives a value; a call in the file does as well.
    """

    code = "unbound-parameters"
    model: str
    names: tuple[str, ...]
    example: tuple[str, ...]
    named: bool = True
    others: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """All that lack a value at once: `N, M and K have no value in Net`."""
        verb = "has" if len(self.names) == 1 else "have"
        return f"{listing(f'`{name}`' for name in self.names)} {verb} no value in {self.model}"

    @property
    def advice(self) -> tuple[str, ...]:
        """Values for all of them, for the command line and for the file; then the other models of the file."""
        options = " ".join(f"-D {binding}" for binding in self.example)
        # a lone chain has no name that could be called with values
        lets = " ".join(f"let {binding.replace('=', ' = ')}" for binding in self.example)
        in_file = f"{self.model}({', '.join(self.example)})" if self.named else f"`{lets}` before the chain"
        another = (f"or take another model of the file: -m {listing(self.others, 'or')}",) if self.others else ()
        return (f"bind on the command line: {options}", f"or in the file: {in_file}", *another)


@record
class DuplicateDefinition(Problem):
    """Two definitions of one file share a name.

    Values, blocks and models of a file, its imports included, have one space of names, and so have the parameters of
    one block. The second would hide the first.
    """

    code = "duplicate-definition"
    name: str

    @property
    def message(self) -> str:
        """The second one is marked; a label shows the first."""
        return f"`{self.name}` is defined twice"


@record
class DuplicateLabel(Problem):
    """Two parts of one scope would have the same name, and so the same keys in the state_dict.

    Labels are the names in the `state_dict`, and its keys are unique: the weights of one part would overwrite the
    other's. A part without a label takes its name by its kind or its number, which may be the same.
    """

    code = "duplicate-label"
    name: str
    automatic: bool = False

    @property
    def message(self) -> str:
        """`this scope`, as other scopes may have the name."""
        return f"`{self.name}` is already the name of another part of this scope"

    @property
    def notes(self) -> tuple[str, ...]:
        """Where the other part has no label of its own: nobody finds the name in the text."""
        return ("a part without a label takes this name by its number",) if self.automatic else ()

    @property
    def advice(self) -> tuple[str, ...]:
        """No label is suggested: names say what a part is for, which only its author knows."""
        return ("choose another label",)


@record
class RepeatedLabel(Problem):
    """A label stands inside a repeat: its copies would all have one name.

    Every copy has weights of its own and needs a name of its own in the `state_dict`; a label gives all the same.
    """

    code = "repeated-label"
    name: str
    count: int

    @property
    def message(self) -> str:
        """How often, as each copy would write over the weights of the one before."""
        return f"the label `{self.name}` stands in a part that is repeated {self.count:,} times"

    @property
    def advice(self) -> tuple[str, ...]:
        """A label for the repeat, or one with a counter in it."""
        return (
            "give the label to the repeat, `name: [...]*N`: its copies are then name.0, name.1, ...",
            'or put a counter into the label: `["name{i}": ... for i in range(N)]`',
        )


@record
class ReservedName(Problem):
    """A name that the Python module cannot have.

    Labels become attributes of a `torch.nn.Module`, blocks and models its classes.

    Python's keywords cannot be names, and names that modules already use (`forward`, `train`, `parameters`) would break
    the module. Words of layers are taken by the layers.
    """

    code = "reserved-name"
    name: str
    reason: str

    @property
    def message(self) -> str:
        """The reason tells whether Python, torch's modules or the language has the name."""
        return f"`{self.name}` cannot be a name: {self.reason}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The same name with an underscore behind it, as PEP 8 does with keywords."""
        return (f"for example `{self.name.strip('_') or 'part'}_` or a longer word",)


@record
class NoModel(Problem):
    """A file defines blocks or values, but nothing that can be checked or compiled.

    Blocks are functions of shapes: without an `INPUT` they have neither shapes nor counts. Such a file can be imported,
    but not checked or compiled by itself.
    """

    code = "no-model"

    @property
    def message(self) -> str:
        """Blocks and values alone are a file to import."""
        return "the file defines no model"

    @property
    def advice(self) -> tuple[str, ...]:
        """The least that makes a model: a name and an INPUT."""
        return ("define one: model Name = INPUT(3, 32, 32) -> ...",)

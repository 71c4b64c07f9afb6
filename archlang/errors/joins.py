"""Problems of branches, labels used as sources, and shared weights."""

from __future__ import annotations

from archlang.diagnostics import Problem
from archlang.errors.words import listing, plural, shape_text
from archlang.records import record


@record
class BracesNotAllowed(Problem):
    """Braces behind a word that takes no branches.

    Braces hold branches, all fed with the same input, behind a join (`CONCAT`, `ADD`, `MUL`), or the chains that fill
    the holes of a block.

    This word is neither, so it is not clear what becomes of the branches' outputs. Brackets group stages.
    """

    code = "no-branches"
    word: str

    @property
    def message(self) -> str:
        """The word as it is written, `RELU`: it is a layer, or a block without holes."""
        return f"`{self.word}` takes no branches in braces"

    @property
    def advice(self) -> tuple[str, ...]:
        """Which brackets mean what: `[ ]` and `{ }` are most often mixed up."""
        return ("brackets `[ ]` group stages; braces hold the branches of CONCAT, ADD, MUL, or fill a block's holes",)


@record
class MissingBranches(Problem):
    """A join without braces, or with too few branches.

    A join makes one output of several; of a single branch there is nothing to join. `_` is the input itself, as a
    branch.
    """

    code = "missing-branches"
    word: str
    count: int
    needed: int

    @property
    def message(self) -> str:
        """`ADD joins at least 2 branches, not 1`; OUTPUT and AUX do with one."""
        branches = "1 branch" if self.needed == 1 else f"{self.needed} branches"
        return f"{self.word} joins at least {branches}, not {self.count}"

    @property
    def advice(self) -> tuple[str, ...]:
        """The same word with two branches, of which `_` is the input itself."""
        return (f"`{self.word}{{ _, CONV(64, 3x3, padding=1) }}` joins the input itself with a branch",)


@record
class WrongHoles(Problem):
    """A block is given more or fewer chains in braces than it has holes.

    `block b{ x, y } = ...` leaves two holes, which a call fills with a chain each: `b{ CONV(8, 1x1), _ }`.

    A hole without a chain would leave the block incomplete, and a chain without a hole would be lost.
    """

    code = "wrong-holes"
    word: str
    holes: tuple[str, ...]
    given: int

    @property
    def message(self) -> str:
        """The holes by name, in the order in which chains fill them."""
        return (
            f"{self.word} takes {plural(len(self.holes), 'chain')} in braces ({listing(self.holes)}), not {self.given}"
        )


@record
class JoinMismatch(Problem):
    """The branches of a join do not fit together.

    `ADD` and `MUL` work number by number, so their inputs have equal shapes, but for sizes of 1, which are spread out.
    `CONCAT` puts maps behind each other, so they agree along all other axes.

    There is no number to add, or no place to put it. Branches most often differ by a stride, or by a missing padding.
    """

    code = "join-mismatch"
    word: str
    shapes: tuple[tuple[int, ...], ...]
    rule: str
    free_axis: int = 0

    @property
    def message(self) -> str:
        """The rule of this join and the shapes of all branches, in their order."""
        return f"{self.word} needs {self.rule}, got {listing(shape_text(shape) for shape in self.shapes)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The axes that differ, counted as in torch, where the batch is axis 0; CONCAT's own axis is free to."""
        ranks = {len(shape) for shape in self.shapes}
        if len(ranks) > 1:
            return ("the branches have different numbers of axes",)
        # from 1, as in torch, whose axis 0 is the batch
        sizes = enumerate(zip(*self.shapes, strict=True), 1)
        differing = [axis for axis, column in sizes if len(set(column)) > 1 and axis != self.free_axis]
        if not differing:
            return ()
        return (f"they differ along {listing(f'axis {axis}' for axis in differing)} (axis 1 is the channels)",)


@record
class TapDiscardsFlow(Problem):
    """A label as a source stands where something already flows, which would be lost.

    A label as a stage stands for what flowed out of its part. It has no input: what flows into it would be thrown away,
    with all the layers that made it.
    """

    code = "source-discards-input"
    name: str
    shape: tuple[int, ...]

    @property
    def message(self) -> str:
        """The shape is that of what flows in and would be lost, not the label's."""
        return f"`{self.name}` is a source, but {shape_text(self.shape)} flows into it and would be lost"

    @property
    def advice(self) -> tuple[str, ...]:
        """A branch of its own, where nothing flows yet."""
        return (f"begin a branch with it: CONCAT{{ {self.name}, _ }}",)


@record
class LabelNotHere(Problem):
    """A label is used where it does not exist: before its part, in another block, or of a part inside a repeat.

    A label can be used behind its part, in the same scope or a labelled group inside it; `scope.label` reaches into
    one.

    Before its part there is no value yet. Blocks see no labels of their callers, so that they mean the same everywhere.
    Copies are one value, that of the last: what labels name inside them is not seen from outside.
    """

    code = "label-not-here"
    name: str

    @property
    def message(self) -> str:
        """`here`: the label may well exist, further on or in another scope."""
        return f"the label `{self.name}` does not exist here"

    @property
    def advice(self) -> tuple[str, ...]:
        """Where labels can be used, in one line."""
        return (
            "a label is a source behind the part that it names, in the same scope; `scope.label` reaches inside one",
        )


@record
class TrainingOnly(Problem):
    """What runs in training only is used by what runs always.

    Chains in `AUX` do not run in inference, so there would be no value. Other chains in `AUX` may use it.
    """

    code = "training-only"
    name: str

    @property
    def message(self) -> str:
        """The label whose part stands in AUX."""
        return f"`{self.name}` runs in training only, and is used here in inference, too"

    @property
    def advice(self) -> tuple[str, ...]:
        """OUTPUT is AUX that inference runs, too."""
        return ("what is in OUTPUT instead of AUX runs always",)


@record
class UnknownPart(Problem):
    """A path such as features.pool3 names no part that can be reached.

    `scope.label` goes from a labelled part to a label, or a number, inside it. Under this path nothing flows that could
    be used.
    """

    code = "unknown-part"
    path: str
    known: tuple[str, ...]
    repeats: bool = False
    """Whether the scope holds repeats, whose copies are no sources."""

    @property
    def message(self) -> str:
        """The whole path: any of its parts may be the wrong one."""
        return f"there is no part `{self.path}` here"

    @property
    def notes(self) -> tuple[str, ...]:
        """At most twelve parts that the path could have gone on to."""
        shown = (*self.known[:12], "...") if len(self.known) > 12 else self.known
        found = f"parts that can be used are {listing(shown)}" if shown else "nothing inside it can be used"
        copies = "what stands in a repeat is no source: write the part out, or take what flows out at the end"
        return (found, copies) if self.repeats else (found,)


@record
class CannotShare(Problem):
    """SHARE names something whose weights cannot be used here.

    `SHARE(label)` is a further use of a part with the same weights.

    The weights have the shapes that the first use gave them, so the second must be fed with as many channels or
    features; and there must be a first use before it.
    """

    code = "cannot-share"
    name: str
    reason: str

    @property
    def message(self) -> str:
        """The label, and in the reason both shapes where it is these that differ."""
        return f"the weights of `{self.name}` cannot be used here: {self.reason}"


@record
class NotAtTop(Problem):
    """INPUT-like words that only a model's own chain can have.

    `INPUT`, `OUTPUT` and `AUX` are part of what a model takes and returns. Inside a block, a repeat or a labelled part
    it would not be clear how often there are such inputs and outputs, and under which names.
    """

    code = "not-at-top"
    word: str

    @property
    def message(self) -> str:
        """The word that was found too deep: INPUT, OUTPUT or AUX."""
        return f"{self.word} stands only in a model's own chain, not in a labelled part, a block or a repeat"


@record
class NoSwitches(Problem):
    """UNPOOL names something that is no MAXPOOL of the same scope.

    Unpooling puts each value back to where the pooling took it from; only `MAXPOOL` remembers a place. The pooling must
    have a label, and stand before, in the same scope.
    """

    code = "no-switches"
    name: str

    @property
    def message(self) -> str:
        """The label that UNPOOL was given, whether it names another layer or nothing."""
        return f"`{self.name}` is the label of no MAXPOOL in this scope"

    @property
    def advice(self) -> tuple[str, ...]:
        """A label and its use, as the two stand far from each other in a network."""
        return (f"label the pooling that is to be undone: {self.name}: MAXPOOL(2) -> ... -> UNPOOL({self.name})",)

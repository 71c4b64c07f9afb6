"""Rules of thumb that a network leaves, as the lectures give them. Warnings: none of them stops anything."""

from __future__ import annotations

from typing import ClassVar

from archlang.diagnostics import Problem, Severity
from archlang.errors.shapes import channels_last
from archlang.errors.words import plural, product_text, shape_text, shorten
from archlang.records import record


class Warned(Problem):
    """Base of all warnings: the network works, and something about it is probably not meant."""

    severity: ClassVar[Severity] = "warning"


@record
class EvenKernel(Warned):
    """A window of even size is padded alike on both sides, so that the map misses its size by one.

    With stride 1 a padding of (F - 1)/2 keeps the size, which is whole only for odd F. With an even F the map grows or
    shrinks by one at each layer, and no row of the output stands in the middle of what it sees.

    Odd windows, 3x3 above all, have a middle and keep sizes: maps of different layers then stay in line.
    """

    code = "even-kernel"
    word: str
    size: int
    kernel_size: int
    padding: int
    output: int

    @property
    def message(self) -> str:
        """`an even window of 4 with a padding of 2 makes 33 of 32`; dilated windows count in full."""
        window = f"an even window of {self.kernel_size} with a padding of {self.padding}"
        return f"{window} makes {self.output} of {self.size}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The law with stride 1, and the padding that it would take: (4 - 1)/2 = 1.5."""
        # the lectures' letters: N is the input, P the padding on each side, F the window
        n, p, f = self.size, self.padding, self.kernel_size
        return (
            f"out = (N + 2P - F)/S + 1 = ({n} + 2*{p} - {f})/1 + 1 = {self.output}",
            f"the size stays for P = (F - 1)/2 = {(f - 1) / 2:g}, which is whole only for odd F",
        )


@record
class ChannelsLast(Warned):
    """An input looks like a picture whose channels are written last.

    Shapes are channels first, as in torch: (C, H, W). A last size of 1, 3 or 4 behind two larger ones is what a picture
    has as it is loaded, (H, W, C).

    Every layer then takes the rows for channels: it runs, has far too many weights, and learns badly.
    """

    code = "channels-last"
    shape: tuple[int, ...]

    @property
    def message(self) -> str:
        """The shape as layers take it: `32x32x3 is 32 channels of 32x3`."""
        *sizes, channels = self.shape
        return f"{shape_text(self.shape)} is {plural(sizes[0], 'channel')} of {shape_text((*sizes[1:], channels))}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The INPUT that a picture of this size has."""
        return channels_last(self.shape)


@record
class BatchInInput(Warned):
    """An input looks like a batch of pictures.

    Shapes leave the batch out: a picture is (C, H, W). With a fourth number in front it is a volume, (C, D, H, W), over
    which three-dimensional windows slide. A volume only 1 or 3 deep is most likely a picture with its batch.

    The network then has other layers than were meant, Conv3d in place of Conv2d, and takes no pictures.
    """

    code = "batch-in-input"
    shape: tuple[int, ...]

    @property
    def message(self) -> str:
        """The shape as layers take it: `1x3x32x32 is a volume 3 deep with 1 channel`."""
        channels = plural(self.shape[0], "channel")
        return f"{shape_text(self.shape)} is a volume {self.shape[1]} deep with {channels}, not a batch of pictures"

    @property
    def notes(self) -> tuple[str, ...]:
        """The same INPUT without its first number."""
        return (f"shapes are without the batch: a picture is INPUT({', '.join(map(str, self.shape[1:]))})",)


@record
class LargePooling(Warned):
    """A pooling has a window larger than 3.

    The lectures know two poolings: 2x2 at stride 2, which keeps one number of four, and 3x3 at stride 2. A pooling over
    the whole map is another matter and not meant here, nor is one at stride 1, which keeps the size.

    Larger windows destroy too much: what is left of the places is too coarse for the layers behind.
    """

    code = "large-pooling"
    word: str
    window: tuple[int, ...]
    stride: tuple[int, ...]
    shape: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def message(self) -> str:
        """The window along all axes, though it may be large along one only."""
        return f"{self.word} looks at windows of {shape_text(self.window)}; 2 or 3 is usual"

    @property
    def notes(self) -> tuple[str, ...]:
        """How many numbers become one, `8*8 = 64`, and what is left of the map."""
        kept = f"{shape_text(self.shape)} becomes {shape_text(self.output)}"
        return (f"each of its numbers stands for {product_text(self.window)}; {kept}",)

    @property
    def advice(self) -> tuple[str, ...]:
        """Two poolings of 2 with a convolution between keep as little, but look at it in between."""
        return ("pool in smaller steps with convolutions between them, or let a convolution take the stride",)


@record
class IndivisibleInput(Warned):
    """A map of odd size is to be halved.

    The input is halved by each stride of 2. Where it is not divisible by 2 often enough, a layer somewhere gets an odd
    size, and its last window reads half a step of padding.

    Sizes that divide (32, 64, 96, 224, 384, 512) keep windows in line with the picture, and a network that goes up
    again finds the sizes it came from. One more (129, 513) is as good for windows with a middle, which then stand on
    both borders.
    """

    code = "indivisible-input"
    word: str
    stride: int
    size: int
    output: int
    input_size: int
    needed: int

    @property
    def message(self) -> str:
        """The layer that meets the size, which may stand far behind the input."""
        return f"stride {self.stride} meets a map of {self.size}, which {self.stride} does not divide"

    @property
    def notes(self) -> tuple[str, ...]:
        """The division at this layer, and by how much all strides reduce the input."""
        return (
            f"{self.size}/{self.stride} = {self.size / self.stride:.4g}; padding makes it {self.output}",
            f"strides reduce the input, {self.input_size}, by {self.needed} in all",
        )


@record
class WastedPadding(Warned):
    """There is so much padding that windows read nothing else.

    A window that lies in the padding as a whole gives the same number at every place and for every input: the bias.
    With stride 1 and a padding of (F - 1)/2 no window does, and the size stays.

    Such windows cost work and tell nothing, and they surround the map with a border that looks like data.
    """

    code = "wasted-padding"
    word: str
    kernel_size: tuple[int, ...]
    padding: tuple[int, ...]
    output: tuple[int, ...]
    empty: int

    @property
    def message(self) -> str:
        """`132 of 1,156 windows read padding alone`: those at the border of a 34x34 map."""
        # `34*34 = 1,156`: the product alone, as the factors are those of the map
        total = product_text(self.output).split(" = ")[-1]
        return f"{self.empty:,} of {total} windows read padding alone"

    @property
    def notes(self) -> tuple[str, ...]:
        """Padding as wide as the window is room for a window that touches no number of the map."""
        return (
            f"a padding of {shape_text(self.padding)} has room for a whole window of {shape_text(self.kernel_size)}",
        )


@record
class LargeKernel(Warned):
    """A convolution of 7x7 or more, at stride 1, between many maps.

    Three layers of 3x3 see as far as one of 7x7. Between C maps each they have 27 C^2 weights, it has 49 C^2. A first
    layer, which reads a picture's few channels, a layer with a stride, one for each map by itself, and one over the
    whole map are other matters.

    The small ones are cheaper, and with a ReLU behind each they can express more.
    """

    code = "large-kernel"
    kernel_size: tuple[int, ...]
    in_channels: int
    out_channels: int
    weights: int
    stack: int
    small: int

    @property
    def message(self) -> str:
        """Weights of the layer and of the stack that sees as far: F = 7 is 1 + 2*3."""
        sizes = shape_text(self.kernel_size)
        return f"one window of {sizes} has {self.weights:,} weights; {self.stack} of 3 see as far with {self.small:,}"

    @property
    def notes(self) -> tuple[str, ...]:
        """F*F*D*K in the lectures' letters: the window, the depth that comes in, the filters."""
        one = product_text((*self.kernel_size, self.in_channels, self.out_channels))
        return (f"F*F*D*K = {one}", f"{self.stack} layers of 3 see 1 + 2*{self.stack} = {1 + 2 * self.stack}")


@record
class BiasBeforeNorm(Warned):
    """A bias is learned right in front of a normalisation that takes it away.

    Batch normalisation subtracts the mean of each channel, instance normalisation that of each map. A constant that was
    added to all of it is gone with the mean; the normalisation has a bias of its own behind it.

    The numbers are stored, updated and sent, and have no effect.
    """

    code = "bias-before-norm"
    word: str
    norm: str
    size: int
    total: int

    @property
    def message(self) -> str:
        """Both layers: nothing is wrong with either alone."""
        return f"the bias of {self.word} has no effect: {self.norm} subtracts it with the mean"

    @property
    def notes(self) -> tuple[str, ...]:
        """How many numbers, in all copies of a part that is repeated."""
        copies = f", {self.total:,} in all copies" if self.total != self.size else ""
        return (f"{plural(self.size, 'number')}{copies} learned without effect",)


@record
class DoubledActivation(Warned):
    """Two non-linearities stand one behind the other.

    The second one of RELU -> RELU changes nothing: what is there is not negative. Others in a row, SIGMOID -> TANH,
    squeeze what was squeezed already.

    Between two non-linearities belongs a layer with weights; most likely one was forgotten, or one written twice.
    """

    code = "doubled-activation"
    word: str
    before: str
    idle: bool

    @property
    def message(self) -> str:
        """`changes nothing behind` where that is certain, as of RELU -> RELU; else `follows`."""
        return f"{self.word} {'changes nothing behind' if self.idle else 'follows'} {self.before}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Why, in one line: an idle one has nothing left to change."""
        if self.idle:
            return (f"what {self.before} gives is as {self.word} would make it",)
        return ("there is no layer with weights between the two",)


@record
class ActivationBeforeLoss(Warned):
    """A model ends in a softmax, or a classifier in a sigmoid.

    torch's CrossEntropyLoss takes scores and applies the softmax itself, BCEWithLogitsLoss the sigmoid. LOGSOFTMAX,
    which NLLLoss wants, and pixels between 0 and 1, as maps or more of them than the layer reads, are not meant here.

    Applied twice, the softmax makes all classes nearly alike: the network trains slowly and nothing says why. In the
    loss it is also exact where exp would overflow.
    """

    code = "activation-before-loss"
    word: str
    output: str
    loss: str

    @property
    def message(self) -> str:
        """The output by its name, and the loss of torch that has the layer in itself."""
        return f"the model's {self.output} comes from {self.word}, which torch's {self.loss} applies itself"

    @property
    def advice(self) -> tuple[str, ...]:
        """Where the layer belongs: into the code that uses the network."""
        return (f"end in the scores, and apply {self.word} where probabilities are wanted",)


@record
class ActivationOnScores(Warned):
    """A classifier ends in the non-linearity of a hidden layer.

    Scores are compared with each other, and their loss takes any number. A ReLU behind them makes all negative ones
    equal, and no gradient comes back through these. TANH, SIGMOID and SOFTPLUS, whose ranges may be wanted, are not
    meant here, nor are features that another network reads: 64 and more of them, a multiple of 16.

    The loss can then not fall below that of a network that may give no class less than zero, and a class whose score is
    never positive is not learned.
    """

    code = "activation-on-scores"
    word: str
    output: str
    outputs: int

    @property
    def message(self) -> str:
        """How many scores, as a classifier is known by a few of them."""
        return f"the model's {self.output}, {plural(self.outputs, 'score')}, goes through {self.word}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What is lost: negative scores, which say what a picture is not."""
        return (f"losses take scores of any sign; {self.word} leaves little or nothing of the negative ones",)

    @property
    def advice(self) -> tuple[str, ...]:
        """SOFTPLUS is positive, and its gradient is zero nowhere."""
        return ("end in the scores; for numbers that are to be positive take SOFTPLUS",)


@record
class LinearOnMap(Warned):
    """A linear layer reads a map along its last axis, the width.

    LINEAR, as torch's nn.Linear, maps the last axis and leaves the others. That is right for tokens, whose features
    stand last. The features of a map stand first, in its channels: FLATTEN, or FC, which flattens by itself, is what a
    classifier needs, and a convolution of 1x1 maps the channels at every position.

    The network runs and mixes columns of the picture, each row and channel by itself. torch says something only where
    the numbers do not happen to fit.
    """

    code = "linear-on-map"
    word: str
    shape: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def message(self) -> str:
        """`along its width`: the last axis of a map, or the length of a sequence."""
        axis = "length" if len(self.shape) == 2 else "width"
        return (
            f"{self.word} reads {shape_text(self.shape)} along its {axis}, {plural(self.shape[-1], 'number')} at a time"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The shape behind it, in which the channels are as many as before."""
        return (f"{shape_text(self.shape)} becomes {shape_text(self.output)}; channels are not mixed",)

    @property
    def advice(self) -> tuple[str, ...]:
        """The comment that says that it is meant, as the axis may well be the right one."""
        return ("if the last axis is meant, say so: `# allow: linear-on-map`",)


@record
class MissingActivation(Warned):
    """Two layers with weights follow each other without a non-linearity between them.

    A product of two matrices is a matrix: FC -> FC can compute nothing that one FC could not. Normalisation and dropout
    between them change nothing about that. Layers that are split in two to save weights are not meant here: depthwise
    and 1x1 convolutions, 1x7 and 7x1, a convolution that an FC reads, a narrow layer between two wide ones; nor are
    convolutions with a stride.

    The second layer costs its parameters and its work, and adds no power to the network.
    """

    code = "missing-activation"
    word: str
    before: str
    parameters: int

    @property
    def message(self) -> str:
        """Both layers, with normalisation and dropout between them left out."""
        return f"{self.before} and {self.word} have no non-linearity between them"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the second one costs without adding anything: W2(W1 x) = (W2 W1) x."""
        return (f"together they are one linear function; {self.word} has {self.parameters:,} parameters",)


@record
class DropoutBeforeNorm(Warned):
    """Batch normalisation reads what dropout has thinned out.

    In training dropout keeps a number with probability 1 - p and makes it 1/(1 - p) times larger: the mean stays, the
    variance does not. Batch normalisation learns the variance with dropout and meets another one without.

    The shift makes a network worse in use than it was in training: Li, Chen, Hu, Yang: Understanding the Disharmony
    between Dropout and Batch Normalization by Variance Shift. CVPR 2019.
    """

    code = "dropout-before-norm"
    word: str
    norm: str
    p: float

    @property
    def message(self) -> str:
        """The normalisation first: it is the one that is wrong in use."""
        return f"{self.norm} learns the variance behind {self.word}, which is another one in use"

    @property
    def notes(self) -> tuple[str, ...]:
        """E[(m x/(1 - p))^2] with m = 1 of probability 1 - p is E[x^2]/(1 - p)."""
        return (f"the mean square is 1/(1 - p) = 1/(1 - {self.p:g}) = {1 / (1 - self.p):.4g} times larger in training",)

    @property
    def advice(self) -> tuple[str, ...]:
        """Behind the last normalisation nothing learns its variance."""
        return (f"put {self.word} behind the last {self.norm}",)


@record
class DropoutAtOutput(Warned):
    """A model ends in a dropout.

    In training some of the outputs are then zero, whatever the network found, and the others too large.

    Dropout is for what layers read. The scores of left out classes cannot be learned from.
    """

    code = "dropout-at-output"
    word: str
    output: str
    p: float

    @property
    def message(self) -> str:
        """The share of the output that is zero: p, in each sample anew."""
        return f"{self.word} makes {self.p:.4g} of the model's {self.output} zero in training"


@record
class FirstFcHeavy(Warned):
    """The first fully connected layer holds most of all parameters.

    It has a weight for each number of each map. A network of a million and more parameters whose larger half sits there
    is meant: AlexNet and VGG are.

    The mean of each map in its place (global average pooling) needs a weight for each map only, takes inputs of any
    size, and is what later networks do.
    """

    code = "first-fc-heavy"
    word: str
    shape: tuple[int, ...]
    features: int
    parameters: int
    total: int
    pooled: int

    @property
    def message(self) -> str:
        """At most 99%, as other layers have parameters too, however few."""
        # 100 % would say that no other layer has any
        share = min(self.parameters / self.total, 0.99)
        return f"the first {self.word} holds {share:.0%} of all parameters: {self.parameters:,} of {self.total:,}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What it reads now, and what it would read behind global average pooling: one number of each map."""
        return (
            f"it reads {product_text(self.shape)} numbers and gives {self.features:,}",
            f"behind AVGPOOL(to=1) it would read {self.shape[0]:,} and have {self.pooled:,} parameters",
        )

    @property
    def advice(self) -> tuple[str, ...]:
        """Fewer inputs first, fewer outputs last: inputs are what there is too much of."""
        return ("pool more in front of it, at the end globally (AVGPOOL(to=1)), or make it narrower",)


@record
class SmallReceptiveField(Warned):
    """The maps that are averaged over all places have each seen only a small part of the input.

    What one number of the last map depends on grows with windows and strides. A mean over all places puts such parts
    together, but nothing has looked at them in their relation to each other.

    A network whose parts are small against its input counts textures; more layers, strides or poolings let it see the
    whole. Sequences, which may well be longer than what any number sees of them, are not meant here.
    """

    code = "small-receptive-field"
    word: str
    input: str
    field: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def message(self) -> str:
        """The field along all axes, and the input along the same ones."""
        field, sizes = shape_text(self.field), shape_text(self.sizes)
        return f"each number that {self.word} averages has seen {field} of {sizes}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The rule: half of the input, which some axis falls short of."""
        return (f"its receptive field in {self.input} is less than half as wide as that",)

    @property
    def advice(self) -> tuple[str, ...]:
        """Strides and poolings widen the field of everything behind them, layers by F - 1 only."""
        return ("add layers, strides or poolings in front of it",)


@record
class BrokenPlugin(Warned):
    """An installed package offers a lint or layer that cannot be used.

    Packages offer lints as entry points of the group `archlang.lints`, layers as those of `archlang.layers`. One of
    them raised an exception while it was loaded or run, or is no lint or layer at all.

    The check goes on without it: what it would have said is missing, and a layer that it offers is not known.
    """

    code = "broken-plugin"
    name: str
    package: str
    reason: str

    @property
    def message(self) -> str:
        """The entry point and its package, as the package is what can be updated."""
        return f"`{self.name}` of the package {self.package} cannot be used: {shorten(self.reason)}"

    @property
    def advice(self) -> tuple[str, ...]:
        """Both things that its user can do; mending it is for its authors."""
        return (f"update {self.package}, or uninstall it; its authors want to know of it",)

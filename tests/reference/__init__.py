"""Networks of the field written by hand in plain torch: the second witness of the zoo, and the peer in benchmarks.

They follow the papers and carry torchvision's names, but nothing of archlang or torchvision is used. `REFERENCES` maps
a name of torchvision's to a function that builds the module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from .attention import ConvNeXt, VisionTransformer
from .inception import GoogLeNet, InceptionV3
from .mobile import EfficientNetB0, MobileNetV2, MobileNetV3, ShuffleNetV2
from .plain import VGG, AlexNet, SqueezeNet
from .residual import BasicBlock, Bottleneck, DenseNet, ResNet

REFERENCES: dict[str, Callable[[], nn.Module]] = {
    "alexnet": AlexNet,
    "vgg11": partial(VGG, (1, 1, 2, 2, 2)),
    "vgg16": partial(VGG, (2, 2, 3, 3, 3)),
    "vgg16_bn": partial(VGG, (2, 2, 3, 3, 3), normalise=True),
    "squeezenet1_0": partial(SqueezeNet, "1.0"),
    "squeezenet1_1": partial(SqueezeNet, "1.1"),
    "resnet18": partial(ResNet, BasicBlock, (2, 2, 2, 2)),
    "resnet34": partial(ResNet, BasicBlock, (3, 4, 6, 3)),
    "resnet50": partial(ResNet, Bottleneck, (3, 4, 6, 3)),
    "resnet101": partial(ResNet, Bottleneck, (3, 4, 23, 3)),
    "resnext50_32x4d": partial(ResNet, partial(Bottleneck, groups=32, width=4), (3, 4, 6, 3)),
    "wide_resnet50_2": partial(ResNet, partial(Bottleneck, width=128), (3, 4, 6, 3)),
    "densenet121": partial(DenseNet, (6, 12, 24, 16), 32, 64),
    "densenet161": partial(DenseNet, (6, 12, 36, 24), 48, 96),
    "googlenet": partial(GoogLeNet, heads=False),
    "googlenet_aux": partial(GoogLeNet, heads=True),
    "inception_v3": partial(InceptionV3, head=False),
    "inception_v3_aux": partial(InceptionV3, head=True),
    "mobilenet_v2": MobileNetV2,
    "mobilenet_v3_large": partial(MobileNetV3, "large"),
    "mobilenet_v3_small": partial(MobileNetV3, "small"),
    "efficientnet_b0": EfficientNetB0,
    "shufflenet_v2_x1_0": ShuffleNetV2,
    "convnext_tiny": partial(ConvNeXt, (3, 3, 9, 3), (96, 192, 384, 768)),
    "vit_b_16": VisionTransformer,
}

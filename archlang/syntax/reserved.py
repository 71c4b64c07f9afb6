"""Names that the generated Python cannot have: keywords, and what torch.nn.Module already calls its own.

The list stands here because checking must not import torch; a test compares it with torch's.
"""

from __future__ import annotations

import keyword

MODULE_ATTRIBUTES = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
        "arch",
        "activations",
    ]
)
"""Attributes of torch.nn.Module, and archlang's own on top."""

CLASS_NAMES = frozenset({"nn", "torch", "Tensor", "OrderedDict", "self", "super", "range", "zip", "setattr", "getattr"})
"""Names that the generated module uses itself."""


def label_problem(name: str) -> str | None:
    """Why a label cannot be an attribute of a module; None if it can. Numbers can (`"0"`)."""
    # "0" is how torch names the children of a Sequential, and add_module takes it
    if name.isascii() and name.isdigit():
        return None
    # Python normalises other letters (NFKC): the attribute could have another name than the text
    if not (name.isascii() and name.isidentifier()):
        return "a name has letters, digits and _, and does not begin with a digit"
    if keyword.iskeyword(name):
        return "it is a keyword of Python"
    if name in MODULE_ATTRIBUTES or name.startswith("_"):
        return "torch.nn.Module has an attribute of that name" if name in MODULE_ATTRIBUTES else "it begins with _"
    return None


def class_name_problem(name: str) -> str | None:
    """Why a model or block cannot have a name; None if it can."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a keyword of Python"
    # inside a class, __Net would be mangled to _Class__Net
    if name.startswith("__"):
        return "Python hides names that begin with __"
    return "the generated module uses it itself" if name in CLASS_NAMES else None

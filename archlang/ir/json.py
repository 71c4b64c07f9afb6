"""Models as JSON and back, validated by pydantic: what `archc compile -o model.json` writes."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError
from pydantic import GetCoreSchemaHandler as Handler
from pydantic_core import CoreSchema

from archlang.ir.graph import Model
from archlang.ir.ops import OPS
from archlang.ir.ops.base import Op


def op_union_schema(handler: Handler) -> CoreSchema:
    """Schema of "any layer", told apart by the field `op`."""
    # made when it is asked for, since packages may register layers after this module is loaded.
    return handler.generate_schema(Annotated[Union[tuple(OPS)], Field(discriminator="op")])  # noqa: UP007  (a tuple of types)


@cache
def _adapter(ops: tuple[type[Op], ...]) -> TypeAdapter[Model]:
    """Made anew when layers were registered since the last."""
    del ops
    return TypeAdapter(Model)


def write_model(model: Model) -> str:
    """The model as JSON text, indented, ending in a newline."""
    return _adapter(tuple(OPS)).dump_json(model, indent=2).decode() + "\n"


def read_model(text: str | bytes) -> Model:
    """The model from JSON text. Raises ValueError with one line that says what is wrong."""
    try:
        return _adapter(tuple(OPS)).validate_json(text)
    except ValidationError as error:
        first: Any = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][:6])
        raise ValueError(f"{first['msg']}" + (f" at {place}" if place else "")) from error

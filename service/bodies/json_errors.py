"""What is wrong with a JSON body, in a few words."""

from pydantic import ValidationError


def first_error(err: ValidationError) -> str:
    """Return where the first fault is and what it is, without the value that was sent."""
    first = err.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]

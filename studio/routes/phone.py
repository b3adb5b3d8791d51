"""A phone on the local network: let in on the person's word, shown as a QR code, closed again."""

from typing import Any

from fastapi import APIRouter

from studio.phone.phone_listener import OpenDoor
from studio.routes.dependencies import Phone, Studio
from studio.trying.ask import ask

router = APIRouter(prefix="/api/models/{name}/phone")


@router.get("")
def state(name: str, phone: Phone) -> dict[str, Any]:
    """Say whether a phone may ask this model, by which address, and for how long."""
    door = phone.door
    return _described(door if door is not None and door.model == name else None)


@router.post("", status_code=201)
def let_in(name: str, studio: Studio, phone: Phone) -> dict[str, Any]:
    """Open the address for a phone."""
    studio.models.get(name, None)  # refused here where there is no model that answers
    door = phone.open(name, lambda photo: ask(studio.models.get(name, None), photo, heat=False))
    return _described(door)


@router.delete("", status_code=204)
def close(phone: Phone) -> None:
    """Close it."""
    phone.close()


def _described(door: OpenDoor | None) -> dict[str, Any]:
    if door is None:
        return {"open": False}
    return {"open": True, "url": door.url, "qr": door.qr_url, "left_s": round(door.left_s)}

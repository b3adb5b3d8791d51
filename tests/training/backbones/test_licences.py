"""Licences of weights that forbid what most people want to do."""

import pytest

from inference.manifest import BackboneInfo
from training.backbones.licences import licence_warning

pytestmark = pytest.mark.training


def info(licence: str) -> BackboneInfo:
    """Return a backbone whose weights have a licence."""
    return BackboneInfo(
        name="timm/x", source="timm", weights="w", sha256=None, licence=licence, num_params=1
    )


@pytest.mark.parametrize(
    "licence",
    ["cc-by-nc-4.0", "CC-BY-NC-SA-3.0", "fair-noncommercial-research-license", "apple-amlr"],
)
def test_a_non_commercial_licence_is_a_warning_that_names_it(licence: str) -> None:
    warning = licence_warning(info(licence))
    assert warning is not None
    assert licence in warning
    assert "forbids commercial use" in warning


@pytest.mark.parametrize(
    "licence",
    ["apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "not stated", "none", "openrail-nca"],
)
def test_other_licences_are_none(licence: str) -> None:
    assert licence_warning(info(licence)) is None

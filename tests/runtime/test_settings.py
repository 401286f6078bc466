"""From names and values to a settings class, and sentences where that is not possible."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from shutterbus_runtime.settings import (
    Family,
    Given,
    Name,
    Prefix,
    SettingsError,
    SwitchedBy,
    build,
    check_family,
    resolve,
    unknown,
    unusable,
)
from shutterbus_runtime.settings.sources import collect
from shutterbus_runtime.settings.text import effective, example_env, reference
from shutterbus_runtime.settings.values import Bytes, Seconds, Whole, choice


class Door(BaseModel, frozen=True):
    """A door."""

    key: Annotated[Path | None, Name("KEY", "OLD_KEY", stronger=("NEW_KEY",))] = None
    password: Annotated[SecretStr | None, Name("PASSWORD")] = None
    color: Annotated[Literal["red", "blue"], choice("red", "blue"), Name("COLOR")] = "red"


class House(BaseModel, frozen=True):
    """A house. Not part of the product."""

    name: Annotated[str, Name("HOUSE_NAME")] = Field(description="What it is called.")
    rooms: Annotated[Whole, Name("HOUSE_ROOMS")] = Field(
        default=3, ge=1, le=9, description="How many | rooms."
    )
    age_s: Annotated[Seconds, Name("HOUSE_AGE")] = Field(default=604_800.0, description="How old.")
    attic_bytes: Annotated[Bytes | None, Name("HOUSE_ATTIC")] = Field(default=None, examples=["2GiB"])
    front: Annotated[Door | None, Prefix("FRONT_"), SwitchedBy("FRONT")] = None
    back: Annotated[Door, Prefix("BACK_", {"color": "blue"})] = Field(default_factory=Door)
    lamps: Annotated[dict[str, Any], Family("LAMP_")] = Field(default_factory=dict)


def _given(**values: str) -> dict[str, Given]:
    return collect(("environment", values))


def _house(**values: str) -> House:
    return build(House, resolve(House, _given(**{"HOUSE_NAME": "x", **values})))


def _sentences(**values: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        build(House, resolve(House, _given(**values)))
    return caught.value.sentences


def test_first_place_counts() -> None:
    """A secret stands above the environment, and that above a file."""
    collected = collect(
        ("/run/secrets/{name}", {"A": "secret\n"}),
        ("environment", {"A": "env", "B": "env"}),
        (".env", {"b": "file"}),
    )

    assert collected["A"] == Given("A", "secret", "/run/secrets/A")
    assert collected["B"] == Given("B", "env", "environment")


def test_names_may_be_spelt_in_any_case() -> None:
    assert _house(house_rooms="5").rooms == 5


def test_capitals_count_above_another_spelling() -> None:
    assert _house(house_rooms="5", HOUSE_ROOMS="6").rooms == 6


@pytest.mark.parametrize("value", ['"5"', "'5'", " ' 5 ' "])
def test_quotes_that_were_passed_on_with_a_value_are_no_part_of_it(value: str) -> None:
    """As by ``docker run --env-file``, and by a list in a compose file."""
    assert _house(HOUSE_ROOMS=value).rooms == 5


def test_password_keeps_its_quotes() -> None:
    password = _house(FRONT_PASSWORD="'secret'").front.password  # type: ignore[union-attr]
    assert password is not None
    assert password.get_secret_value() == "'secret'"


def test_values_are_read_by_their_kind() -> None:
    house = _house(HOUSE_AGE="1h", HOUSE_ATTIC="1KiB")

    assert (house.age_s, house.attic_bytes) == (3600, 1024)


def test_stronger_name_counts_and_the_others_are_told() -> None:
    resolved = resolve(
        House, _given(HOUSE_NAME="x", FRONT_OLD_KEY="old", FRONT_KEY="own", FRONT_NEW_KEY="new")
    )

    assert build(House, resolved).front == Door(key=Path("new"))
    assert [(weaker.name, stronger.name) for weaker, stronger in resolved.overruled] == [
        ("FRONT_KEY", "FRONT_NEW_KEY"),
        ("FRONT_OLD_KEY", "FRONT_NEW_KEY"),
    ]


@pytest.mark.parametrize(
    ("values", "front"),
    [
        ({}, None),
        ({"FRONT": "true"}, Door()),
        ({"FRONT": "off"}, None),
        ({"FRONT": "1", "FRONT_COLOR": "BLUE"}, Door(color="blue")),
    ],
)
def test_optional_class_is_there_when_asked_for(values: dict[str, str], front: Door | None) -> None:
    assert _house(**values).front == front


def test_switch_that_is_off_contradicts_the_settings_it_switches() -> None:
    assert _sentences(HOUSE_NAME="x", FRONT="false", FRONT_KEY="k") == (
        "FRONT=false and FRONT_KEY contradict each other: remove one of them.",
    )


def test_place_decides_what_is_fixed_there() -> None:
    """The name then does not exist there."""
    assert _house(BACK_KEY="k").back == Door(key=Path("k"), color="blue")
    resolved = resolve(House, _given(HOUSE_NAME="x", BACK_COLOR="red"))
    assert list(resolved.unused) == ["BACK_COLOR"]


def test_secret_may_hold_what_a_path_would_lead_to() -> None:
    """A PEM in /run/secrets is already a file."""
    given = collect(
        ("/run/secrets/{name}", {"FRONT_KEY": "-----BEGIN KEY-----\n"}), ("environment", {"HOUSE_NAME": "x"})
    )

    assert build(House, resolve(House, given)).front == Door(key=Path("/run/secrets/FRONT_KEY"))


def test_empty_setting_that_is_needed_is_not_to_be_left_out() -> None:
    """Said once."""
    assert _sentences(HOUSE_NAME="") == ("HOUSE_NAME is empty: a text is expected.",)


def test_every_problem_is_said_at_once() -> None:
    assert _sentences(HOUSE_ROOMS="12", FRONT_COLOR="bleu", HOUSE_AGE="", HOUSE_ATTIC="big") == (
        "HOUSE_AGE is empty: a duration such as 90, 5m or 7d is expected. Leave it out if nothing is meant.",
        "HOUSE_NAME is not set: a text is expected.",
        "HOUSE_ROOMS=12 cannot be used: a whole number from 1 to 9 is expected.",
        "HOUSE_ATTIC=big cannot be used: a size such as 500MB or 2GiB is expected.",
        "FRONT_COLOR=bleu cannot be used: red or blue is expected; did you mean blue?",
    )


def test_sentence_shortens_a_long_value() -> None:
    assert _sentences(HOUSE_NAME="x", HOUSE_ROOMS="9" * 100)[0].startswith(
        "HOUSE_ROOMS=" + "9" * 57 + "... cannot"
    )


def test_sentence_hides_a_secret() -> None:
    """What is wrong with it is said, what it is is not: the sentence goes into logs."""
    sentence = unusable(
        Given("FRONT_PASSWORD", "hunter2", "environment"), "a secret is expected", secret=True
    )

    assert sentence == "FRONT_PASSWORD (hidden) cannot be used: a secret is expected."


def test_misspelt_name_stops_or_warns_by_its_prefix() -> None:
    resolved = resolve(
        House, _given(HOUSE_ROOM="1", LAMB_HALL="on", FRONT_KEYS="k", HOSE_ROOMS="2", PATH="/bin")
    )

    stop, warn = unknown(resolved, House, stops=("HOUSE_",), warns=("FRONT_",))

    assert stop == ["HOUSE_ROOM is not a setting; did you mean HOUSE_ROOMS?"]
    assert warn == [
        "FRONT_KEYS is not a setting; did you mean FRONT_KEY? It is ignored.",
        "HOSE_ROOMS is not a setting; did you mean HOUSE_ROOMS? It is ignored.",
    ]


def test_family_keeps_the_rest_of_each_name_as_spelt() -> None:
    resolved = resolve(House, _given(HOUSE_NAME="x", LAMP_Hall="on", lamp_cellar="off"))

    assert resolved.values["lamps"] == {"Hall": "on", "cellar": "off"}
    said = check_family(
        resolved,
        ("lamps",),
        lambda members: ({"Hall": True}, [f"no {name}" for name in members if name != "Hall"]),
    )
    assert said == ["no cellar"]
    assert build(House, resolved).lamps == {"Hall": True}


def test_effective_settings_name_their_source_and_hide_secrets() -> None:
    resolved = resolve(
        House, _given(HOUSE_NAME="x", FRONT_PASSWORD="hunter2", LAMP_TOKEN="t", LAMP_HALL="on")
    )

    rows = {row.name: (row.value, row.source) for row in effective(build(House, resolved), resolved.origin)}

    assert rows["HOUSE_NAME"] == ("x", "environment")
    assert rows["HOUSE_AGE"] == ("1w", "default")
    assert rows["FRONT"] == ("true", "default")
    assert rows["FRONT_PASSWORD"] == ("********", "environment")
    assert rows["LAMP_TOKEN"] == ("********", "environment")
    assert rows["LAMP_HALL"] == ("on", "environment")
    assert "hunter2" not in str(rows)


def test_example_has_defaults_commented_out_and_the_required_bare() -> None:
    lines = example_env(House).splitlines()

    assert "# --- A house." in lines
    assert "HOUSE_NAME=" in lines
    assert "# HOUSE_ROOMS=3" in lines
    assert "# HOUSE_AGE=1w" in lines
    assert "# HOUSE_ATTIC=2GiB" in lines
    assert "# How many | rooms. May be: a whole number from 1 to 9." in lines


def test_reference_is_a_table() -> None:
    text = reference(House)

    assert "| `HOUSE_NAME` | What it is called. | a text | required |" in text
    assert "| `HOUSE_ROOMS` | How many \\| rooms. | a whole number from 1 to 9 | `3` |" in text
    assert "Also `FRONT_NEW_KEY`, `FRONT_OLD_KEY`." in text


def test_optional_class_requires_nothing_of_those_who_do_without_it() -> None:
    class Street(BaseModel, frozen=True):
        """A street."""

        house: Annotated[House | None, Prefix("MY_")] = Field(default=None, description="The house in it.")

    assert "# MY_HOUSE_NAME=" in example_env(Street).splitlines()
    assert "# --- The house in it." in example_env(Street).splitlines()
    with pytest.raises(SettingsError, match="MY_HOUSE_NAME is not set"):
        build(Street, resolve(Street, _given(MY_HOUSE_ROOMS="3")))

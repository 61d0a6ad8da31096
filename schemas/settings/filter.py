"""What people will not be asked about."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from schemas.settings.base import SettingsPart
from schemas.settings.rules import PromptRule, RangeRule, Rule, ValuesRule


def default_rules() -> dict[str, Rule]:
    """The rules that hold unless the settings change or switch them off: they let every ordinary photo pass."""
    return {
        "resolution": RangeRule(measure="short_side", at_least=256),
        "elongation": RangeRule(measure="elongation", at_most=4),
        "dark": RangeRule(measure="brightness", at_least=0.015),
        "blurred": RangeRule(measure="sharpness", at_least=1),
        "blank": RangeRule(measure="contrast", at_least=2),
        "low_information": RangeRule(measure="entropy", at_least=1),
        "blown_out": RangeRule(measure="clipped_highlights", at_most=0.95),
        "not_a_photograph": ValuesRule(
            column="digital_source_type",
            refuse=("*trainedAlgorithmicMedia", "*compositeWithTrainedAlgorithmicMedia", "*algorithmicMedia"),
        ),
        "unsafe": PromptRule(classes=("nudity", "gore"), at_most=0.02, if_possible=True),
    }


class FilterSettings(SettingsPart):
    """`[filter]`"""

    rules: dict[str, Rule] = Field(
        default_factory=default_rules,
        description="Rules by name, over the default ones: [filter.rules.NAME] with kind and its fields; "
        "enabled = false switches one off.",
    )
    audit_bar: float = Field(
        0.25,
        ge=0,
        le=1,
        description="A dropped photo was wrongly dropped where its mean reaches this quantile of kept.",
    )

    @model_validator(mode="before")
    @classmethod
    def _over_the_defaults(cls, given: Any) -> Any:
        """Fields that the file gives are laid over the default rule of the same name, if there is one."""
        if not isinstance(given, dict) or not isinstance(given.get("rules"), dict):
            return given
        rules: dict[str, Any] = {name: rule.model_dump() for name, rule in default_rules().items()}
        for name, fields in given["rules"].items():
            if isinstance(fields, dict):
                same_kind = fields.get("kind", rules.get(name, {}).get("kind")) == rules.get(name, {}).get("kind")
                rules[name] = {**(rules.get(name, {}) if same_kind else {}), **fields}
            else:
                rules[name] = fields
        return {**given, "rules": rules}

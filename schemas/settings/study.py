"""What is asked, of whom, how often."""

from __future__ import annotations

from pydantic import Field

from schemas.protocols import Protocol
from schemas.settings.base import SettingsPart


class StudySettings(SettingsPart):
    """`[study]`"""

    protocol: str = Field("acr-5", description="Name of the protocol that select and send use.")
    protocols: dict[str, Protocol] = Field(
        {}, description="Protocols of your own, one table [study.protocols.NAME] each; docs/protocols.md."
    )

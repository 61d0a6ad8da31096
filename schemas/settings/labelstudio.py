"""Where people rate."""

from __future__ import annotations

from pydantic import Field

from schemas.settings.base import SettingsPart


class LabelStudioSettings(SettingsPart):
    """`[labelstudio]`"""

    url: str = Field(
        "", description="Address of an existing Label Studio; empty: the one that `salon labelstudio up` starts."
    )
    port: int = Field(
        0, ge=0, le=65535, description="Port of the server that `salon labelstudio up` starts; 0: any free one."
    )
    document_root: str = Field(
        "",
        description="An existing server's LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, if it shares this machine's files; "
        "the warehouse must lie under it.",
    )
    longest_side: int = Field(
        1024, ge=256, le=4096, description="Longest side in pixels of the pictures that raters see."
    )
    quality: int = Field(90, ge=50, le=100, description="JPEG quality of the pictures that raters see.")
    import_size: int = Field(
        10_000, ge=1, le=20_000, description="Tasks per import call: the more, the faster Label Studio takes them in."
    )
    patience_s: float = Field(
        60,
        ge=0,
        description="Seconds for which a run waits for a Label Studio that is restarting, or for another sender.",
    )
    gateway_host: str = Field(
        "127.0.0.1", description="Address that `salon gateway` listens on; 0.0.0.0 lets other machines in."
    )
    gateway_port: int = Field(8500, ge=0, le=65535, description="Port of `salon gateway`; 0: any free one.")
    one_touch: bool = Field(
        True,
        description="Behind the gateway, the answer to the only question of a protocol is submitted at once: one key "
        "or tap a photo.",
    )
    break_after_minutes: float = Field(
        25, gt=0, description="Minutes of rating after which the gateway invites to a break."
    )
    idle_s: float = Field(
        60, gt=0, description="Pauses longer than these seconds are no working time in `salon raters hours`."
    )
    hint_host: str = Field("127.0.0.1", description="Address at which `salon collect --listen` takes webhooks.")
    hint_port: int = Field(0, ge=0, le=65535, description="Port for webhooks; 0: any free one.")
    hint_url: str = Field(
        "", description="Where Label Studio reaches hint_host and hint_port, if it is on another machine."
    )
    hint_every_minutes: float = Field(
        10, gt=0, description="`salon collect --listen` collects after so many minutes without a hint as well."
    )
    local_hints: bool = Field(
        False,
        description="The server that `salon labelstudio up` starts may call addresses on this machine and in private "
        "networks, as webhooks to hint_host need it; any account that reaches it without the gateway can use that.",
    )

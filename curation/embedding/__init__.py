"""Pictures to vectors: one small protocol, open_clip models, a built-in descriptor, and a loader that decodes ahead."""

"""Rating protocols: those that come with Salon, their Label Studio configuration, and reading answers back.

`catalogue.resolve` finds a protocol by name, `markup.label_config` and `texts.instructions` make what a project
needs, `answers.parse` turns the ``result`` of one annotation into an `Answer` or a `Refusal`.
"""

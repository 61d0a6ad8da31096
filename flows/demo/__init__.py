"""`salon demo`: the whole way on photos that come with a dependency, with simulated raters in a real Label Studio."""

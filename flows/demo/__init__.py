"""`salon demo`: the whole way on photos that come with a dependency, rated by simulated raters in a real Label Studio."""

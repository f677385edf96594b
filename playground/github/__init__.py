"""A GitHub on this machine: real repositories, real git, really running CI, for the demo and the tests.

PyGithub and the git command work against it unchanged; only the base address differs. What is kept is in
memory, what is versioned is in real bare repositories in one folder, and red or green is a fact because the
workflows' commands are really run. :class:`~playground.github.server.GitHub` is the way in.
"""

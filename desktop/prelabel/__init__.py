"""Pre-labelling: an engine looks at every image of a project, what it finds waits there as proposals. Qt-free.

``request`` says what is looked for, ``answers`` turns an engine's answers into finds, ``job`` plans, writes and goes on
after an interruption. Who looks is a :class:`desktop.prelabel.work.Finder`: ``local`` is this process, ``served`` the
inference server of the window, ``cluster`` Ray. ``docs/prelabel.md`` is the page for users.
"""

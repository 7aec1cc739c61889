"""Engines on another machine: ``maskwright serve`` there, features or masks over HTTP, the window here.

``wire`` and ``codec`` say what travels, ``service`` answers, ``client`` asks, ``engines`` are the engines of this side
(docs/server.md).
"""

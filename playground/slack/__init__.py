"""A Slack on this machine: the real client libraries and Bolt work against it unchanged.

``server`` is the way in. ``schema``, ``elements`` and ``blocks`` hold Block Kit's rules, ``limits`` the rate
limits, ``faults`` what can go wrong on purpose, ``deliveries`` how requests reach an app, ``interactions``
what people do, ``methods`` the Web API.
"""

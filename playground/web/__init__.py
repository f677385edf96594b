"""The playground's page: Slack and GitHub side by side in a browser, where the buttons really work.

``page`` is the router. ``mrkdwn`` and ``markdown`` turn text into node trees, so that the page never handles
anybody's HTML; ``slack_state`` and ``github_state`` say what is shown, ``acts`` what a person does.
"""

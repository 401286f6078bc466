"""The archive: every frame of every camera, stored once as a file, with an index.

The path of a frame: ``consume`` reads the brokers and groups what comes, ``store`` makes a group durable as files, ``catalog``
notes it in one transaction, and only then is it acknowledged. What cannot be used goes to ``quarantine``, with the reason.
"""

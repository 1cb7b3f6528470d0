"""The jobs that Spark runs over the archive, on EMR Serverless or in a local session: the same code.

Nothing here imports anything but PySpark and the standard library: EMR's machines have nothing else.
"""

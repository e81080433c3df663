"""A fuzzer of the whole public surface and of the native functions under it: ``python -m tests.fuzz --help``.

A program is a few lines of Python source.  ``programs.py`` makes them from signatures, from the registry of cases and
by changing the seeds of ``seeds.txt``; ``values.py`` holds the grammar of their values.  A worker process
(``worker.py``) runs them one after the other, ``judge.py`` says what is a fault.  The session (``session.py``) starts
workers, notices those that died or hang, shrinks what they found (``shrink.py``) and reports it as source to paste.
``corpus.txt`` holds the programs that once were faults; every run of the tests goes over them.
"""

"""Changes of the API's tables, one file a change in `versions/`, run by Alembic.

A change of a table is made in its declaration and in a migration; a test compares the two. From a source checkout:

    export CITYOPS_DB=sqlite:////tmp/now.db; cityops db upgrade
    .venv/bin/alembic revision --autogenerate --rev-id 0002 -m "what is new"

and the number joins `REVISIONS`.
"""

from __future__ import annotations

REVISIONS = ("0001", "0002")  # oldest first, so that a start needs no Alembic to know where a database stands
HEAD = REVISIONS[-1]

"""From a folder of YAML files to the inventory, and from references to secrets.

files     which files are read, and their merging into one tree whose values know their place
fields    how single values are written (units, names, addresses, references)
schema    the keys: models for the checks, the editors' JSON Schema and the table in config/README.md
resolve   defaults put in, so that every value that counts stands in the tree
problems  what is wrong in form, in the words of the operator
checks    what is wrong between entries
load      all of it: ``load_inventory``, ``effective``
sealed, sealed_file, secrets, derive   secrets: kept, opened, resolved, computed
"""

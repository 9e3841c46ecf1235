"""`antifraud rehearse`: small cases through the real pipeline, and where the outcome differs from what each expects.

plain_yaml.py, model.py, words.py: the form of a case. values.py: invented identifiers behind labels. book.py: what the
identifiers of one case stand for. fill.py: whole records from the fields that matter. plan.py: lakes, nights, deliveries
and their numbers. faults.py: deliveries broken on purpose. play.py: the run. facts.py: what the tables say after a night.
check.py: the comparison.
"""

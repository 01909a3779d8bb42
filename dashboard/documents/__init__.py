"""Papers made from a policy: notices, checklists, forms, reports; as HTML, PDF or Markdown.

Runs in a process of its own (`python -m dashboard.documents`), so that what writes PDF is never
loaded where pixels are. A document is data (`model`), and each format is one file.
"""

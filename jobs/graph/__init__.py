"""Tenures, edges with valid time and support, shared identifiers and parties (graph.md)."""

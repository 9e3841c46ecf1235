"""The ladder, the Article 22 rule and due process (listing.md, Measures)."""

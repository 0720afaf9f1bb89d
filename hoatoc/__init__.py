"""Guaranteed delivery of official documents between agencies, over Apache Kafka."""

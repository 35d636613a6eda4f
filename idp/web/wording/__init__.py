"""Sentences for people, one for each outcome of the features: a module for what they are about.

Features return reasons; these modules and the templates alone know languages.
"""

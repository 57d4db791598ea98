"""Question 1."""

from report.answers.q01.answer import ANSWER as ANSWER

"""Question 6."""

from report.answers.q06.answer import ANSWER as ANSWER

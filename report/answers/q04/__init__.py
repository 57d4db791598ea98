"""Question 4."""

from report.answers.q04.answer import ANSWER as ANSWER

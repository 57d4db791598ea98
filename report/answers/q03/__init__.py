"""Question 3."""

from report.answers.q03.answer import ANSWER as ANSWER

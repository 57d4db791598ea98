"""Question 10."""

from report.answers.q10.answer import ANSWER as ANSWER

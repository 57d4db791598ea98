"""Question 11."""

from report.answers.q11.answer import ANSWER as ANSWER

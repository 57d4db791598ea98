"""Question 2."""

from report.answers.q02.answer import ANSWER as ANSWER

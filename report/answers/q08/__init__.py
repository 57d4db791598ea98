"""Question 8."""

from report.answers.q08.answer import ANSWER as ANSWER

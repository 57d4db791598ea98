"""Question 5."""

from report.answers.q05.answer import ANSWER as ANSWER

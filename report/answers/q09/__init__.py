"""Question 9."""

from report.answers.q09.answer import ANSWER as ANSWER

"""Question 7."""

from report.answers.q07.answer import ANSWER as ANSWER

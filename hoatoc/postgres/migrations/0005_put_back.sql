-- Answers that were put back, by what they repair.

CREATE INDEX history_put_back ON history (code) WHERE type = 'AnswerPutBack';

# The part of lxml's interface that Hoatoc uses; the library ships no types.

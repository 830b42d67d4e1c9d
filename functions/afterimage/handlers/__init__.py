"""One thin file per Lambda: event in, one use-case call, result out."""

/// A loss, logits, a gradient or an update was infinite or NaN; no weight was changed and nothing was estimated.
public struct NonFiniteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The update that was to be made, from 1; nil where none was.
    public let update: Int?
    /// What was not finite: "the loss", "the logits", or the gradient or the update of a parameter by its path.
    public let source: String
    /// How many updates in a row have now been skipped, where skipping was allowed.
    public let skippedInARow: Int

    package init(update: Int? = nil, source: String, skippedInARow: Int = 0) {
        self.update = update
        self.source = source
        self.skippedInARow = skippedInARow
    }

    /// One sentence: what was not finite, at which update, and how many were skipped before it.
    public var description: String {
        guard let update else { return "\(source) is not finite, so that nothing can be estimated from it" }
        let history = skippedInARow > 0 ? " (\(skippedInARow) updates skipped in a row)" : ""
        return "\(source) is not finite at update \(update)\(history); the weights are unchanged"
    }
}

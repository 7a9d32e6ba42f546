import Fisher

extension Digits {
    /// Divides the images, class by class, so that both sides have the same shares of figures. Equal seeds give
    /// equal sides; each keeps the order of the images.
    ///
    /// Divide the training side once more for a part to tune options on.
    ///
    /// - Parameters:
    ///   - share: the share of each class's images on the test side, rounded to whole images.
    ///   - seed: what decides who goes where.
    public func split(
        test share: Double = 0.25, seed: UInt64 = 0
    ) throws(DigitsError) -> (training: Digits, test: Digits) {
        guard share > 0, share < 1 else { throw .badShare(share) }
        var isTest = [Bool](repeating: false, count: count)
        var generator = SplitMix64(seed: seed)
        for figure in 0..<Digits.classCount {
            var members = labels.indices.filter { labels[$0] == figure }
            let taken = Int((share * Double(members.count)).rounded())
            guard taken > 0, taken < members.count else { throw .badShare(share) }
            generator.shuffle(&members)
            for index in members.prefix(taken) { isTest[index] = true }
        }
        return (
            selecting(labels.indices.filter { !isTest[$0] }), selecting(labels.indices.filter { isTest[$0] })
        )
    }

    /// The same images with their pixels in another order, the same for all: a task that a network without
    /// convolutions finds as hard, and that shares no weights' meaning with the original.
    public func permuted(seed: UInt64) -> Digits {
        var order = Array(0..<Digits.pixelCount)
        var generator = SplitMix64(seed: seed)
        generator.shuffle(&order)
        var moved = [UInt8](repeating: 0, count: shades.count)
        for image in 0..<count {
            let start = image * Digits.pixelCount
            for (target, source) in order.enumerated() { moved[start + target] = shades[start + source] }
        }
        return Digits(shades: moved, labels: labels)
    }
}

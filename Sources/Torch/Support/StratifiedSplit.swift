/// Which samples are held out: of each class a share, rounded to whole samples, chosen at random. Equal seeds give equal
/// choices.
///
/// - Parameters:
///   - labels: the class of each sample.
///   - classes: the number of classes.
///   - seed: the seed of the choice.
///   - count: how many of a class's samples are held out, by the class and the number of its samples.
package func stratifiedChoice<Failure: Error>(
    of labels: [Int], classes: Int, seed: UInt64, count: (_ label: Int, _ samples: Int) throws(Failure) -> Int
) throws(Failure) -> [Bool] {
    var isHeldOut = [Bool](repeating: false, count: labels.count)
    var generator = SplitMix64(seed: seed)
    var members = [[Int]](repeating: [], count: classes)
    for (index, label) in labels.enumerated() { members[label].append(index) }
    for (label, own) in members.enumerated() where !own.isEmpty {
        var own = own
        let taken = try count(label, own.count)
        generator.shuffle(&own)
        for index in own.prefix(taken) { isHeldOut[index] = true }
    }
    return isHeldOut
}

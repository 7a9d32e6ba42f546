/// The name with the fewest edits to `name`, where it is at all close: for messages about misspelt names.
public func nearestName(to name: String, among names: [String]) -> String? {
    func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substitution = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
    let scored = names.map { (name: $0, distance: distance(Array(name.lowercased()), Array($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= max(2, name.count / 3)
    else {
        return nil
    }
    return best.name
}

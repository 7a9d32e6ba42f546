/// A command line in which a word that looks like a negative number belongs to the option before it: `--steps -5` becomes
/// `--steps=-5`, so that the option can say what is wrong with it. No option's name begins with a digit.
func joiningNegativeValues(_ words: [String]) -> [String] {
    func isNegative(_ word: String) -> Bool {
        guard word.hasPrefix("-"), let first = word.dropFirst().first else { return false }
        return first.isASCII && first.isNumber || first == "." || Double(word) != nil
    }
    let end = words.firstIndex(of: "--") ?? words.count
    var joined: [String] = []
    for word in words[..<end] {
        if let last = joined.last, last.hasPrefix("--"), !last.contains("="), isNegative(word) {
            joined[joined.count - 1] = "\(last)=\(word)"
        } else {
            joined.append(word)
        }
    }
    return joined + words[end...]
}

/** What the kernel escapes in names that may hold blanks: `\040` for a blank, in mountinfo, mounts and swaps. proc_pid_mountinfo(5) */
export const unescapeOctal = (text: string): string =>
  text.includes('\\')
    ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text;
